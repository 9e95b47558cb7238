import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.layers import Merge

left_branch = Sequential()
left_branch.add(Dense(32, input_dim=784))

right_branch = Sequential()
right_branch.add(Dense(32, input_dim=784))

merged = Merge([left_branch, right_branch], mode='concat')

final_model = Sequential()
final_model.add(merged)
final_model.add(Dense(10, activation='softmax'))

input_data_1 = np.random.random((100, 784))
input_data_2 = np.random.random((100, 784))
targets = np.eye(10)[np.random.randint(10, size=100)]

final_model.compile(optimizer='rmsprop', loss='categorical_crossentropy')
final_model.fit([input_data_1, input_data_2], targets)  # we pass one data array per model input
