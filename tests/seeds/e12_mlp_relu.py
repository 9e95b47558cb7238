import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout

X_train = np.random.random((200, 20))
y_train = np.eye(10)[np.random.randint(10, size=200)]

model = Sequential()
model.add(Dense(64, input_dim=20, activation='relu'))
model.add(Dropout(0.5))
model.add(Dense(64, activation='relu'))
model.add(Dropout(0.5))
model.add(Dense(10, activation='softmax'))

model.compile(loss='categorical_crossentropy',
              optimizer='adadelta',
              metrics=['accuracy'])

history = model.fit(X_train, y_train, nb_epoch=20, batch_size=16)
