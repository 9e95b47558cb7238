from keras.models import Sequential
from keras.layers import Dense

model_1 = model = Sequential()
model.add(Dense(32, input_shape=(784,)))

model_2 = model = Sequential()
model.add(Dense(32, batch_input_shape=(None, 784)))
# note that batch dimension is "None" here,
# so the model will be able to process batches of any size.

model_3 = model = Sequential()
model.add(Dense(32, input_dim=784))
